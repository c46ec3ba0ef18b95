# Newell's Hourglass with 1 stack on MPII at 256x256; all else as with 8.
_base_ = ['hourglass8_mpii_256x256.py']

model = dict(head=dict(num_stacks=1))
