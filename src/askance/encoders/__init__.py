"""Raw items to frozen features: texts and tables, without a look at any label."""
