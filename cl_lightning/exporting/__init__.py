"""Takes a trained encoder to other libraries: weights, graphs, and a card that says what they are."""

from cl_lightning.exporting.formats import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
