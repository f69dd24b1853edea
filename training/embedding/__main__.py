"""All stages of the embedding in order, from data to the shipped files.

    python -m training.embedding --extra DIR

After ``python -m training.findings``. About 20 minutes on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from training.runs import Stage, pipeline

PLAN = (Stage("embedding", 7),)

if __name__ == "__main__":
    pipeline("embedding", __doc__, PLAN)
