"""A bundle's network on this machine; the only importer of a TFLite interpreter."""
