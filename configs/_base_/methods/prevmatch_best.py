# PrevMatch as its authors' code has it: a snapshot is taken of each student that is the best
# in validation so far. The masks of the validation data choose the labels, so that its score
# is not that of images whose masks were unused.
_base_ = ["./prevmatch.py"]
method = dict(
    networks={
        f"previous_{number}": dict(interval=8, offset=number % 8, every="best")
        for number in range(1, 9)
    },
    custom_hooks=[dict(type="NewBestHook", metric="mIoU")],
)
