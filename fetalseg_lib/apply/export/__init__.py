"""From a trained network to one ONNX file that other programs can run: smaller, faster, elsewhere."""
