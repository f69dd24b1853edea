"""All stages of the view model in order, from data to the shipped files.

    python -m training.view --extra DIR

About 15 minutes on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from training.runs import Stage, pipeline

PLAN = (Stage("view", 8),)

if __name__ == "__main__":
    pipeline("view", __doc__, PLAN)
