"""Texts: classify, explain, embed and search them with convolutional networks."""
