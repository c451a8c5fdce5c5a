"""Measurements, as ratios within one run: the machines they run on are shared and noisy."""
