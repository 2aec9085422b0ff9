"""Pure functions from a model's arrays to one number per item; higher is more wanted."""
