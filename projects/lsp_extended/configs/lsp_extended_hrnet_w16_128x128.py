# A data set of one's own, read as its authors published it: 14 joints, PCK by the box.
# data_root holds joints.mat and images/, as the release unpacks.
_base_ = ['hrpose::hrnet_w16_lspet_128x128.py']

custom_imports = dict(imports=['lsp_extended'])

# No split was published: the last thousand are held out.
train_dataloader = dict(dataset=dict(type='LspExtendedDataset', ann_file='joints.mat', images=(1, 9000)))
val_dataloader = dict(dataset=dict(type='LspExtendedDataset', ann_file='joints.mat', images=(9001, 10000)))
