"""What must never happen: a side, a number or a polarity that changes on its way, and a silence
that is told as health.

The gates, the wording of models and the planted faults have their tests in ``tests/report`` and
``tests/planning/test_llm.py``, the tools' sides in ``tests/testing``, outlines over stored pixels
in ``tests/interop/objects/test_sides.py``, each value in SR and FHIR in ``tests/interop/objects``.
Here is the way through every output at once.
"""
