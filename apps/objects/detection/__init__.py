"""What is where in a picture: the rooms of the app once more, for boxes."""
