def url(name): return None
