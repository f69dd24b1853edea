"""How the findings classifier was trained, calibrated and tested."""
