"""Stages of the flow; each holds the same file names, and only those with something to say."""
