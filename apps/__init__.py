"""The apps: each a package with the same rooms, and one sub-command of ``cnnapps``."""
