"""How the view model was trained and tested."""
