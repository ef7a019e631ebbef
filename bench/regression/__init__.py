"""`compare BASE.csv NEW.csv`: matching rows, limits, verdicts."""
