//! PNGs of few colours: a page has a few thousand, most of them on the edges of letters.

use std::collections::HashMap;

use anyhow::Context;

/// What a byte can name, and less where that is still too much.
const COLOURS: [usize; 4] = [256, 128, 64, 32];

type Rgb = [u8; 3];

/// The same picture with as many colours as make it no larger than `most` bytes; each other one becomes the nearest of
/// them.
pub fn shrink(picture: &[u8], most: usize) -> anyhow::Result<Vec<u8>> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(picture));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().context("a picture too large for memory")?];
    let info = reader.next_frame(&mut bytes)?;
    let width = info.color_type.samples();
    anyhow::ensure!(width >= 3, "a picture in grey");
    let pixels: Vec<Rgb> =
        bytes[..info.buffer_size()].chunks_exact(width).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();

    let mut counts: HashMap<Rgb, usize> = HashMap::new();
    pixels.iter().for_each(|pixel| *counts.entry(*pixel).or_default() += 1);
    let mut by_count: Vec<(Rgb, usize)> = counts.into_iter().collect();
    by_count.sort_unstable_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let size = (info.width, info.height);
    let mut tries = COLOURS.into_iter().map(|colours| drawn(size, &pixels, &by_count, colours));
    let fits = |picture: &anyhow::Result<Vec<u8>>| picture.as_ref().map_or(true, |bytes| bytes.len() <= most);
    tries.find(fits).with_context(|| format!("a picture of {} by {} is more than {most} bytes", size.0, size.1))?
}

/// With so many colours.
fn drawn(size: (u32, u32), pixels: &[Rgb], by_count: &[(Rgb, usize)], colours: usize) -> anyhow::Result<Vec<u8>> {
    let palette = palette(by_count, colours);
    let index = |colour: Rgb| {
        let nearest = palette.iter().enumerate().min_by_key(|(_, known)| distance(colour, **known));
        u8::try_from(nearest.map_or(0, |(at, _)| at)).unwrap_or(0)
    };
    let indices: HashMap<Rgb, u8> = by_count.iter().map(|(colour, _)| (*colour, index(*colour))).collect();
    let indexed: Vec<u8> = pixels.iter().map(|pixel| indices[pixel]).collect();

    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size.0, size.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header()?.write_image_data(&indexed)?;
    Ok(out)
}

/// Half of them are those that occur most. The others are added one by one, each where most would be lost without it: a
/// line of its own colour is few dots, and must stay what its legend says.
fn palette(by_count: &[(Rgb, usize)], colours: usize) -> Vec<Rgb> {
    let mut palette: Vec<Rgb> = by_count.iter().take(colours / 2).map(|(colour, _)| *colour).collect();
    let nearest = |colour: Rgb| palette.iter().map(|known| distance(colour, *known)).min().unwrap_or(u32::MAX);
    let mut lost: Vec<(Rgb, usize, u32)> = by_count.iter().map(|(c, count)| (*c, *count, nearest(*c))).collect();
    while palette.len() < colours {
        let worst = lost.iter().max_by_key(|(_, count, off)| *count as u64 * u64::from(*off));
        let Some((colour, _, 1..)) = worst.copied() else { break };
        palette.push(colour);
        lost.iter_mut().for_each(|(other, _, off)| *off = (*off).min(distance(*other, colour)));
    }
    palette
}

fn distance(a: Rgb, b: Rgb) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}
