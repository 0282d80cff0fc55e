"""Joins the stages of cosport's work: what no stage may do alone, since stages never import each other."""
