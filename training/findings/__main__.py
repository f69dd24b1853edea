"""All stages of the findings classifier in order, from data to the shipped files.

    python -m training.findings --extra DIR

After ``python -m training.pretrain``. About 45 minutes on two cores;
``--scale 0.02`` runs everything in minutes to see that it works.
"""

from training.runs import Stage, pipeline

# The first two see some sets alone: how far a figure falls on the others is their test.
PLAN = (
    Stage("nih", 11, ("--sources", "nih")),
    Stage("tuberculosis", 2.5, ("--sources", "jsrt,montgomery,shenzhen")),
    Stage("longer", 18, ("--start", "nih", "--peak", "8e-4", "--seed", "2")),
)

if __name__ == "__main__":
    pipeline("findings", __doc__, PLAN, then=("blend",))
