"""One self-contained page from results, for study owners, the lab and the desk."""
