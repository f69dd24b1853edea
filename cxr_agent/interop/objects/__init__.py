"""Runs as objects of other systems: DICOM SR, SEG, presentation state and picture, and FHIR.

A trace holds no identifier, so the DICOM images that were read are given again; they are known by
their pixels. What identifies the patient goes from them into the objects, and nowhere else.
"""

from cxr_agent.interop.objects.exporting import dicom_objects

__all__ = ["dicom_objects"]
