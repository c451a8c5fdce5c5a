"""The ``farthing`` command, the top floor: what people type, over functions of the floors below."""
