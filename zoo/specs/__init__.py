"""What can be built, as plain values: the catalog of models, their recipes and designs."""
