"""Write a network to ONNX, OpenVINO or torch.export:

python tools/export/export_model.py hrnet_w32_coco_256x192 hrnet_w32.pth --to onnx --out hrnet_w32.onnx --flip-test
"""

from hrpose.cli.export import main
from hrpose.cli.run import run

if __name__ == '__main__':
    run(main)
