"""How far measurements differ between two films without a change in the patient."""
