"""The layers of MPRNet, which restores a picture in three stages.

Zamir et al., *Multi-Stage Progressive Image Restoration*, CVPR 2021 (arXiv 2102.02808); figures
and equations are those of this paper. Attributes have the names of the published weights, so
that each name in a state dict is a path through this file.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import Tensor, nn

from ...checks import check_whole_number
from ...errors import UsageError
from ..blocks.attention import CAB
from ..blocks.conv import conv
from ..blocks.resize import DownSample, SkipUpSample, UpSample, Upsample2x

HEIGHT, WIDTH = 2, 3  # axes of [N, C, H, W]

#: Feature maps of the three U-Net levels, at 1, 1/2 and 1/4 of the resolution.
Levels = Sequence[Tensor]


def split(x: Tensor, axis: int) -> Tensor:
    """Cut every map in two along ``axis`` and stack the halves in the batch, first halves first.

    [N, C, H, W] → [2N, C, H/2, W] along :data:`HEIGHT`, [2N, C, H, W/2] along :data:`WIDTH`.
    """
    return paddle.concat(paddle.split(x, 2, axis), axis=0)


def merge(x: Tensor, axis: int) -> Tensor:
    """Undo :func:`split`."""
    return paddle.concat(paddle.split(x, 2, axis=0), axis)


class Encoder(nn.Layer):
    """The contracting half of a stage's U-Net (Fig. 3a), with CSFF in stage 2 (Fig. 3c).

    Args:
        n_feat: channels at full resolution; each level down adds ``scale_unetfeats``.
        csff: whether cross-stage feature fusion (CSFF) adds the previous stage's features.
    """

    def __init__(
        self,
        n_feat: int,
        kernel_size: int,
        reduction: int,
        act: nn.Layer,
        bias: bool,
        scale_unetfeats: int,
        csff: bool,
    ):
        super().__init__()
        level1, level2, level3 = (n_feat + i * scale_unetfeats for i in range(3))

        def cabs(channels: int) -> nn.Sequential:
            return nn.Sequential(
                *(CAB(channels, kernel_size, reduction, bias, act) for _ in range(2))
            )

        self.encoder_level1 = cabs(level1)
        self.encoder_level2 = cabs(level2)
        self.encoder_level3 = cabs(level3)
        self.down12 = DownSample(level1, scale_unetfeats)
        self.down23 = DownSample(level2, scale_unetfeats)
        self.csff = csff
        if csff:
            self.csff_enc1 = conv(level1, level1, 1, bias)
            self.csff_enc2 = conv(level2, level2, 1, bias)
            self.csff_enc3 = conv(level3, level3, 1, bias)
            self.csff_dec1 = conv(level1, level1, 1, bias)
            self.csff_dec2 = conv(level2, level2, 1, bias)
            self.csff_dec3 = conv(level3, level3, 1, bias)

    def forward(self, x: Tensor, encoder_outs: Levels = (), decoder_outs: Levels = ()) -> Levels:
        """[N, n_feat, H, W] → three levels. CSFF takes the previous stage's levels."""
        enc1 = self.encoder_level1(x)  # [N, n_feat, H, W]
        if self.csff:
            enc1 = enc1 + self.csff_enc1(encoder_outs[0]) + self.csff_dec1(decoder_outs[0])
        enc2 = self.encoder_level2(self.down12(enc1))  # [N, level2, H/2, W/2]
        if self.csff:
            enc2 = enc2 + self.csff_enc2(encoder_outs[1]) + self.csff_dec2(decoder_outs[1])
        enc3 = self.encoder_level3(self.down23(enc2))  # [N, level3, H/4, W/4]
        if self.csff:
            enc3 = enc3 + self.csff_enc3(encoder_outs[2]) + self.csff_dec3(decoder_outs[2])
        return [enc1, enc2, enc3]


class Decoder(nn.Layer):
    """The expanding half of a stage's U-Net, with a CAB on each skip connection (Fig. 3a)."""

    def __init__(
        self,
        n_feat: int,
        kernel_size: int,
        reduction: int,
        act: nn.Layer,
        bias: bool,
        scale_unetfeats: int,
    ):
        super().__init__()
        level1, level2, level3 = (n_feat + i * scale_unetfeats for i in range(3))

        def cab(channels: int) -> CAB:
            return CAB(channels, kernel_size, reduction, bias, act)

        self.decoder_level1 = nn.Sequential(cab(level1), cab(level1))
        self.decoder_level2 = nn.Sequential(cab(level2), cab(level2))
        self.decoder_level3 = nn.Sequential(cab(level3), cab(level3))
        self.skip_attn1 = cab(level1)
        self.skip_attn2 = cab(level2)
        self.up21 = SkipUpSample(level1, scale_unetfeats)
        self.up32 = SkipUpSample(level2, scale_unetfeats)

    def forward(self, outs: Levels) -> Levels:
        """The encoder's three levels → the decoder's, of the same shapes."""
        enc1, enc2, enc3 = outs
        dec3 = self.decoder_level3(enc3)  # [N, level3, H/4, W/4]
        dec2 = self.decoder_level2(self.up32(dec3, self.skip_attn2(enc2)))  # at H/2, W/2
        dec1 = self.decoder_level1(self.up21(dec2, self.skip_attn1(enc1)))  # at H, W
        return [dec1, dec2, dec3]


class SAM(nn.Layer):
    """Supervised attention module between two stages (Fig. 4).

    The features become a restored picture, which the loss supervises. Attention maps computed
    from this picture weight the features for the next stage.
    """

    def __init__(self, n_feat: int, bias: bool, channels: int = 3):
        super().__init__()
        self.conv1 = conv(n_feat, n_feat, 1, bias)
        self.conv2 = conv(n_feat, channels, 1, bias)
        self.conv3 = conv(channels, n_feat, 1, bias)

    def forward(self, x: Tensor, x_img: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``x`` and the degraded picture → weighted features and a restored picture."""
        img = self.conv2(x) + x_img  # [N, channels, H, W]
        attention = nn.functional.sigmoid(self.conv3(img))  # [N, n_feat, H, W]
        return self.conv1(x) * attention + x, img


class ORB(nn.Layer):
    """Original resolution block: CABs and a convolution, plus the input (Fig. 3b)."""

    def __init__(
        self, n_feat: int, kernel_size: int, reduction: int, act: nn.Layer, bias: bool, num_cab: int
    ):
        super().__init__()
        cabs = [CAB(n_feat, kernel_size, reduction, bias, act) for _ in range(num_cab)]
        self.body = nn.Sequential(*cabs, conv(n_feat, n_feat, kernel_size, bias))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # [N, n_feat, H, W]


class ORSNet(nn.Layer):
    """Original resolution subnetwork, the third stage, without downsampling.

    CSFF (Fig. 3d) adds one level of stage 2's encoder and decoder features to each ORB's
    output, upsampled to full resolution. The 1×1 convolutions on the way commute with bilinear
    upsampling. So they run at the level's own resolution, and only the sum of the encoder's and the
    decoder's features is upsampled, not each of them.
    """

    def __init__(
        self,
        n_feat: int,
        scale_orsnetfeats: int,
        kernel_size: int,
        reduction: int,
        act: nn.Layer,
        bias: bool,
        scale_unetfeats: int,
        num_cab: int,
    ):
        super().__init__()
        channels = n_feat + scale_orsnetfeats

        def orb() -> ORB:
            return ORB(channels, kernel_size, reduction, act, bias, num_cab)

        def up_twice() -> nn.Sequential:
            return nn.Sequential(
                UpSample(n_feat + scale_unetfeats, scale_unetfeats),
                UpSample(n_feat, scale_unetfeats),
            )

        self.orb1, self.orb2, self.orb3 = orb(), orb(), orb()
        self.up_enc1 = UpSample(n_feat, scale_unetfeats)
        self.up_dec1 = UpSample(n_feat, scale_unetfeats)
        self.up_enc2 = up_twice()
        self.up_dec2 = up_twice()
        self.conv_enc1 = conv(n_feat, channels, 1, bias)
        self.conv_enc2 = conv(n_feat, channels, 1, bias)
        self.conv_enc3 = conv(n_feat, channels, 1, bias)
        self.conv_dec1 = conv(n_feat, channels, 1, bias)
        self.conv_dec2 = conv(n_feat, channels, 1, bias)
        self.conv_dec3 = conv(n_feat, channels, 1, bias)
        self.upsample = Upsample2x()

    def fuse(self, level: int, encoder_out: Tensor, decoder_out: Tensor) -> Tensor:
        """Stage 2's features of one level (1, 2 or 3) as [N, channels, H, W]."""
        if level == 1:
            return self.conv_enc1(encoder_out) + self.conv_dec1(decoder_out)
        if level == 2:
            return self.upsample(
                self.conv_enc2(self.up_enc1.project(encoder_out))
                + self.conv_dec2(self.up_dec1.project(decoder_out))
            )
        for up_enc, up_dec in zip(self.up_enc2, self.up_dec2):
            encoder_out, decoder_out = up_enc.project(encoder_out), up_dec.project(decoder_out)
        fused = self.conv_enc3(encoder_out) + self.conv_dec3(decoder_out)
        return self.upsample(self.upsample(fused))

    def forward(self, x: Tensor, encoder_outs: Levels, decoder_outs: Levels) -> Tensor:
        """[N, n_feat + scale_orsnetfeats, H, W] → the same shape."""
        x = self.orb1(x) + self.fuse(1, encoder_outs[0], decoder_outs[0])
        x = self.orb2(x) + self.fuse(2, encoder_outs[1], decoder_outs[1])
        return self.orb3(x) + self.fuse(3, encoder_outs[2], decoder_outs[2])


class MPRNet(nn.Layer):
    """MPRNet: three stages that restore quadrants, halves and the whole picture (Fig. 2).

    The quadrants of stage 1 are computed as one batch, and so are the halves of stage 2. This
    gives the same numbers as computing them one by one.

    Args:
        in_c: channels of the degraded picture.
        out_c: channels of the restored picture.
        n_feat: feature channels at full resolution in stages 1 and 2.
        scale_unetfeats: channels added at each U-Net level.
        scale_orsnetfeats: channels added in stage 3.
        num_cab: CABs in each ORB.
        kernel_size: of all convolutions except the 1×1 ones; an odd number.
        reduction: factor by which channel attention reduces the channels.
        bias: whether convolutions have a bias; the published networks have none. Even with a bias,
            1×1 convolutions commute with upsampling, because bilinear weights sum to one.

    Raises:
        UsageError: a width or a number of blocks is not a positive whole number, ``kernel_size``
            is even, or ``reduction`` leaves no channel.
    """

    def __init__(
        self,
        in_c: int = 3,
        out_c: int = 3,
        n_feat: int = 96,
        scale_unetfeats: int = 48,
        scale_orsnetfeats: int = 32,
        num_cab: int = 8,
        kernel_size: int = 3,
        reduction: int = 4,
        bias: bool = False,
    ):
        super().__init__()
        sizes = {
            "n_feat": n_feat,
            "scale_unetfeats": scale_unetfeats,
            "scale_orsnetfeats": scale_orsnetfeats,
            "num_cab": num_cab,
        }
        for name, size in sizes.items():
            check_whole_number(name, size, 1, 1 << 16)
        check_whole_number("reduction", reduction, 1, n_feat)  # leaves at least one channel
        check_whole_number("kernel_size", kernel_size, 1, 99)
        if kernel_size % 2 == 0:  # maps would shrink
            raise UsageError(f"kernel_size={kernel_size}: give an odd number.")
        act = nn.PReLU()  # one slope for the whole network

        def shallow_feat() -> nn.Sequential:
            return nn.Sequential(
                conv(in_c, n_feat, kernel_size, bias),
                CAB(n_feat, kernel_size, reduction, bias, act),
            )

        unet = (n_feat, kernel_size, reduction, act, bias, scale_unetfeats)
        self.shallow_feat1 = shallow_feat()
        self.shallow_feat2 = shallow_feat()
        self.shallow_feat3 = shallow_feat()
        self.stage1_encoder = Encoder(*unet, csff=False)
        self.stage1_decoder = Decoder(*unet)
        self.stage2_encoder = Encoder(*unet, csff=True)
        self.stage2_decoder = Decoder(*unet)
        self.stage3_orsnet = ORSNet(
            n_feat, scale_orsnetfeats, kernel_size, reduction, act, bias, scale_unetfeats, num_cab
        )
        self.sam12 = SAM(n_feat, bias, out_c)
        self.sam23 = SAM(n_feat, bias, out_c)
        self.concat12 = conv(2 * n_feat, n_feat, kernel_size, bias)
        self.concat23 = conv(2 * n_feat, n_feat + scale_orsnetfeats, kernel_size, bias)
        self.tail = conv(n_feat + scale_orsnetfeats, out_c, kernel_size, bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Restore a batch of pictures.

        Args:
            x: degraded pictures [N, in_c, H, W], values in [0, 1], H and W multiples of 8.

        Returns:
            ``[stage 3, stage 2, stage 1]``, each [N, out_c, H, W], not clipped. Stage 3 is
            the result; training supervises all three (eq. 1).
        """
        # Stage 1 encodes quadrants and decodes halves.
        halves = split(x, HEIGHT)  # [2N, C, H/2, W]
        quadrants = split(halves, WIDTH)  # [4N, C, H/2, W/2]
        encoded = self.stage1_encoder(self.shallow_feat1(quadrants))
        encoded = [merge(level, WIDTH) for level in encoded]  # [2N, n_feat, H/2, W], …
        decoded = self.stage1_decoder(encoded)
        sam_feats, stage1_img = self.sam12(decoded[0], halves)

        # Stage 2 encodes halves and decodes the whole picture.
        features = paddle.concat([self.shallow_feat2(halves), sam_feats], axis=1)
        encoded = self.stage2_encoder(self.concat12(features), encoded, decoded)
        encoded = [merge(level, HEIGHT) for level in encoded]  # [N, n_feat, H, W], …
        decoded = self.stage2_decoder(encoded)
        sam_feats, stage2_img = self.sam23(decoded[0], x)

        # Stage 3 works on the whole picture at full resolution.
        features = paddle.concat([self.shallow_feat3(x), sam_feats], axis=1)
        features = self.stage3_orsnet(self.concat23(features), encoded, decoded)
        return [self.tail(features) + x, stage2_img, merge(stage1_img, HEIGHT)]
