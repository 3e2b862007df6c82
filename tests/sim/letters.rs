//! The store of dead letters.

use essink::pipeline::op::Letter;

use crate::world::World;

#[derive(Debug, Default)]
pub struct Letters {
    pub n_kept: u64,
    /// It refuses everything before this, in a way that no waiting mends.
    pub halted_until: u64,
}

impl World {
    pub fn keep_letters(&mut self, letters: &[Letter]) {
        for letter in letters {
            let shard = self.stream.number_of(&letter.source.shard).expect("a shard of the stream");
            match self.stream.serial_of(shard, &letter.source.sequence) {
                Some(serial) => self.lettered(shard, serial, &letter.bytes),
                None => self.break_promise(format!("a letter names record {}: no such", letter.source.sequence)),
            }
            self.letters.n_kept += 1;
        }
    }
}
