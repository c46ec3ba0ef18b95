"""Export: networks that run without PyTorch, and the runtime that runs them.

graph.py      crops -> keypoints as one module: normalisation, flip test and decoding are inside
metadata.py   what an exported file says about itself
write.py      to ONNX, OpenVINO or torch.export
detector.py   a detector to ONNX, with its NMS inside
crops.py      people's crops, to calibrate and to compare with
verify.py     an exported network against the one in PyTorch
session.py    a file in ONNX Runtime or OpenVINO
runtime.py    image -> boxes -> keypoints, with NumPy, OpenCV and ONNX Runtime or OpenVINO only
"""
