"""Pure rules that turn a utility, a geometry or both into rows in order of preference."""
