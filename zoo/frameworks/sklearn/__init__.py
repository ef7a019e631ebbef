"""Classifiers of scikit-learn: see docs/how-to/sklearn.md."""
