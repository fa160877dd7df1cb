"""Files are replaced as a whole or not at all."""

import pytest

from common.files import replacing, write_text


def test_a_text_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with path.open() as reader:
        write_text(path, "neu – ünïcode")
        assert reader.read() == "old"  # Who had it open still sees the whole old page.
    assert path.read_text(encoding="utf-8") == "neu – ünïcode"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_keeps_the_old_text(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half a page \ud800")
    assert path.read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_could_not_be_finished_is_removed(tmp_path):
    with pytest.raises(OSError, match="disk full"), replacing(tmp_path / "deep" / "model") as temporary:
        temporary.mkdir()
        (temporary / "half").write_text("1")
        raise OSError("disk full")
    assert list((tmp_path / "deep").iterdir()) == []


def test_the_temporary_name_keeps_the_suffix_and_missing_folders_are_made(tmp_path):
    with replacing(tmp_path / "a" / "b.png") as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path / "a"
        temporary.write_bytes(b"1")
    assert (tmp_path / "a" / "b.png").read_bytes() == b"1"
