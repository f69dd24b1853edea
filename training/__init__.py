"""How each embedded model was trained; one command each, see training/README.md."""
