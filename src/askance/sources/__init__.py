"""Where items come from: files on disk become columns with stable rows."""
