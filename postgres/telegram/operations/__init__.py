"""One module an entity: the session first, the user next, no commit."""
