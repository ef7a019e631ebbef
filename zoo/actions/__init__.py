"""What the commands do, one module per verb; `zoo` offers these functions as its Python API."""
