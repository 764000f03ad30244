"""What is run beside the book: benchmarks, a cluster, an accelerator."""
