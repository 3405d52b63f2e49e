//! Columns as Go's tabwriter lays them out for Podman: at least 12 wide, two blanks apart, the last one as it is.

use unicode_width::UnicodeWidthStr as _;

const MIN_WIDTH: usize = 12;
const PADDING: usize = 2;

/// Aligns lines whose cells end in tabs. What follows the last tab of a line is no cell and is not padded.
pub(crate) fn align(text: &str) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len() - 1]).collect();
    for first in 0..lines.len() {
        for column in 0..widths[first].len() {
            if widths[first][column] == 0 {
                set_block(&lines, &mut widths, first, column);
            }
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (cells, widths) in lines.iter().zip(&widths) {
        for (index, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            let missing = widths.get(index).map_or(0, |width| width.saturating_sub(cell.width()));
            out.extend(std::iter::repeat_n(' ', missing));
        }
        out.push('\n');
    }
    out
}

/// A column's block: neighbouring lines that all have this cell share its width.
fn set_block(lines: &[Vec<&str>], widths: &mut [Vec<usize>], first: usize, column: usize) {
    let block = lines[first..].iter().take_while(|cells| cells.len() > column + 1);
    let (count, widest) =
        block.fold((0, 0), |(count, widest), cells| (count + 1, widest.max(cells[column].width())));
    let width = (widest + PADDING).max(MIN_WIDTH);
    for row in &mut widths[first..first + count] {
        row[column] = width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_twelve_wide_or_as_their_widest_cell_and_two() {
        let text = "CONTAINER ID\tIMAGE\tNAMES\n0123456789ab\tdocker.io/library/alpine:latest\tweb\n";
        assert_eq!(
            align(text),
            "CONTAINER ID  IMAGE                            NAMES\n0123456789ab  docker.io/library/alpine:latest  web\n"
        );
        assert_eq!(align("A\tB\n"), "A           B\n");
        assert_eq!(align("x\t\n"), "x           \n");
        assert_eq!(align("año\tB\nabc\tC\n"), "año         B\nabc         C\n");
        assert_eq!(align(""), "");
    }
}
