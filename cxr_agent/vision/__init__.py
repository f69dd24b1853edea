"""Vision-language models: a film and a question in, text out, and what of the text is a claim.

What such a model writes is data. It is read by rule into claims of a closed list and thrown away;
none of its words goes any further.
"""
