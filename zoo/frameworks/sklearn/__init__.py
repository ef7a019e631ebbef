"""Classifiers of scikit-learn: see docs/sklearn.md."""
