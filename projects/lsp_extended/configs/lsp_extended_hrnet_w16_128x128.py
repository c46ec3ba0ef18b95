# A data set from a plug-in, read as its authors published it: 14 joints, PCK relative to the box.
# data_root has joints.mat and images/, as in the release.
_base_ = ['hrpose::hrnet_w16_lspet_128x128.py']

custom_imports = dict(imports=['lsp_extended'])

# No split was published; the last 1,000 images are held out.
train_dataloader = dict(dataset=dict(type='LspExtendedDataset', ann_file='joints.mat', images=(1, 9000)))
val_dataloader = dict(dataset=dict(type='LspExtendedDataset', ann_file='joints.mat', images=(9001, 10000)))
