"""What the commands do, one module a verb; `zoo` offers these functions as its Python API."""
