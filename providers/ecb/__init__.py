"""The European Central Bank's reference rates, the archive that a library carries included."""
