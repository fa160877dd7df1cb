# Every target works as the first command on a fresh clone: it makes .venv when missing or outdated.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TORCH := .venv-torch
OPENCV := .venv-opencv
TRACKERS := .venv-trackers
IMATINIB := "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
PICTURES = $(shell $(BIN)/python -c 'import skimage; print(skimage.data_dir)')

.PHONY: setup demo test test-all lint bench-digits bench-text bench-texture bench-style bench-interaction bench-track bench-objects clean
.DELETE_ON_ERROR:

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,onnx,ray,hub]'
	@touch $@

# The main job, offline, on real input: read a page with the shipped network, then train one.
demo: $(STAMP)
	@rm -rf build/demo && mkdir -p build/demo
	$(BIN)/cnnapps digits predict data/samples/digits_page.jpg --annotate build/demo/page.jpg
	$(BIN)/cnnapps digits train --data digits8x8 --out build/demo/digits
	$(BIN)/cnnapps digits evaluate --model build/demo/digits --data digits8x8
	@echo "the same page, read by the network just trained on 1,437 digits of 8x8 pixels (it is expected to fail on some):"
	$(BIN)/cnnapps digits predict data/samples/digits_page.jpg --model build/demo/digits
	$(BIN)/cnnapps text classify "A warm, witty film that never drags." "Two hours of my life that I will never get back." "A slow start, but the ending is unforgettable."
	$(BIN)/cnnapps text explain "A warm, witty film that never drags."
	$(BIN)/cnnapps text explain "Two hours of my life that I will never get back."
	$(BIN)/cnnapps text explain "A slow start, but the ending is unforgettable." --out build/demo/why.html
	$(BIN)/cnnapps objects classify $(PICTURES)/coffee.png $(PICTURES)/chelsea.png
	$(BIN)/cnnapps objects explain $(PICTURES)/coffee.png --out build/demo/why_espresso.png
	$(BIN)/cnnapps track data/samples/moving_objects.mp4 --out build/demo/moving_objects.tracked.mp4
	$(BIN)/cnnapps track data/samples/moving_objects.mp4 --box 2,62,56,56 --box 267,97,50,46 --out build/demo/two_of_them.tracked.mp4
	$(BIN)/cnnapps texture synthesize $(PICTURES)/brick.png --size 256 --quality fast --out build/demo/brick.png
	$(BIN)/cnnapps style run $(PICTURES)/coffee.png $(PICTURES)/ihc.png --size 320 --quality fast --compare --out build/demo/coffee.png
	$(BIN)/cnnapps style run $(PICTURES)/chelsea.png $(PICTURES)/hubble_deep_field.jpg --method fast --compare --out build/demo/cat.png
	$(BIN)/cnnapps interaction predict $(IMATINIB) "Cn1c(=O)c2c(ncn2C)n(C)c1=O" "CC(=O)Oc1ccccc1C(=O)O" ABL1
	$(BIN)/cnnapps interaction explain $(IMATINIB) ABL1 --out build/demo/imatinib
	@echo "look at build/demo: page.jpg, digits/report.html, why.html, why_espresso.png, moving_objects.tracked.mp4, two_of_them.tracked.mp4, brick.png, coffee.compare.jpg, cat.compare.jpg, imatinib.molecule.png"

test: $(STAMP)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-all: $(STAMP)
	$(BIN)/python -m pytest -q -m 'slow or not slow'

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(TORCH)/bin/python:
	$(PYTHON) -m venv $(TORCH)
	$(TORCH)/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy

# Peers live in their own environment; nothing of theirs is needed by the product.
bench-digits: $(STAMP) $(TORCH)/bin/python
	TORCH_PYTHON=$(TORCH)/bin/python $(BIN)/python -m tests.benchmarks.bench_training digits
	TORCH_PYTHON=$(TORCH)/bin/python $(BIN)/python -m tests.benchmarks.bench_digits_prediction
	$(BIN)/python -m tests.benchmarks.bench_digits_accuracy
	$(BIN)/python -m tests.benchmarks.bench_photos

# Data: ../shared/data/text, or DATA=FOLDER.  Hours; `--only MR` and the like do a part, and what is done is kept.
bench-text: $(STAMP)
	$(BIN)/python -m tests.benchmarks.bench_text $(if $(DATA),--data $(DATA))
	$(BIN)/python -m tests.benchmarks.bench_text_speed

# Two hours: ours and image quilting on 20 and more textures, judged from beside the checkout.
bench-texture: $(STAMP)
	$(BIN)/python -m tests.benchmarks.bench_texture
	$(BIN)/python -m tests.benchmarks.bench_texture --networks

# Hours: ours and two peers, each with several weights, on 12 pairs.
bench-style: $(STAMP)
	$(BIN)/python -m tests.benchmarks.bench_style
	$(BIN)/python -m tests.benchmarks.bench_style_speed --steps

# Data: ../shared/data/interaction, or DATA=FOLDER.  Hours; `--only davis` and the like do a part, and what is done is kept.
bench-interaction: $(STAMP)
	$(BIN)/python -m tests.benchmarks.bench_interaction $(if $(DATA),--data $(DATA))
	$(BIN)/python -m tests.benchmarks.bench_interaction_speed $(if $(DATA),--data $(DATA))

# Hours.  DTD=FOLDER and the like add kinds of pictures to learn a few of; TFDS_DATA_DIR names where CIFAR-10 is.
bench-objects: $(STAMP) $(TORCH)/bin/python
	$(BIN)/python -m tests.benchmarks.prepare_cells build/cells
	$(BIN)/python -m tests.benchmarks.bench_objects few --data ../shared/data/folders/flowers build/cells $(DTD)
	$(BIN)/python -m tests.benchmarks.bench_objects cifar10
	$(BIN)/python -m tests.benchmarks.bench_objects detection
	TORCH_PYTHON=$(TORCH)/bin/python $(BIN)/python -m tests.benchmarks.bench_training objects

$(OPENCV)/bin/python:
	$(PYTHON) -m venv $(OPENCV)
	$(OPENCV)/bin/pip install --quiet --disable-pip-version-check opencv-contrib-python numpy

$(TRACKERS)/bin/python:
	$(PYTHON) -m venv $(TRACKERS)
	$(TRACKERS)/bin/pip install --quiet --disable-pip-version-check trackers==2.6.1

# Data: ../shared/data/tracking, or DATA=FOLDER; FOLDS="MODEL …" for networks trained with sequences left out.
bench-track: $(STAMP) $(OPENCV)/bin/python $(TRACKERS)/bin/python
	OPENCV_PYTHON=$(OPENCV)/bin/python $(BIN)/python -m tests.benchmarks.bench_track $(if $(DATA),--data $(DATA)) $(if $(FOLDS),--folds $(FOLDS))
	TRACKERS_PYTHON=$(TRACKERS)/bin/python $(BIN)/python -m tests.benchmarks.bench_track_association

clean:
	rm -rf $(VENV) $(TORCH) $(OPENCV) $(TRACKERS) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find apps common tests -name __pycache__ -type d -prune -exec rm -rf {} +
