"""How well texts are read, and how sure a reader may be."""
