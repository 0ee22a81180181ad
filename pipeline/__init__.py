"""Everything the host does: data, training, pruning, export, proof, report and demo."""
