"""Export: networks that run without PyTorch, and the runtime that runs them.

graph.py      crops -> keypoints as one module: normalisation, flip test and decoding are inside
metadata.py   what an exported file says about itself
write.py      to ONNX, OpenVINO or torch.export
crops.py      people's crops, to calibrate and to compare with
verify.py     an exported network against the one in PyTorch
runtime.py    image and boxes -> keypoints, with NumPy, OpenCV and ONNX Runtime or OpenVINO only
"""
