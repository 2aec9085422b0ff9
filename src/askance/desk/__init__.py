"""The desk: a page where people answer, served to nobody else."""
