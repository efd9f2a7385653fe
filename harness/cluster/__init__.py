"""Does steps on the workers of a Dask cluster, and is such a worker."""
