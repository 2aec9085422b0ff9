"""Large pools: a file of items scored shard by shard on disk, and items chosen from what was scored."""
