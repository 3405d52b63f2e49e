//! A policy as a program of classic BPF: a balanced search tree over the numbers.
//!
//! Kernels evaluate the filter for each number when it is installed (to remember which are always allowed), so the depth
//! of the tree is what a start pays: a comparison per call in a row costs five times as much (design.md, section 5).

use super::numbers::AUDIT_ARCH;
use super::policy::{Call, Condition, ENOSYS, KILL_PROCESS, Policy, Rule, Test};
use super::{Instruction, SeccompError};

// Operations of linux/bpf_common.h.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const IF_GREATER_OR_EQUAL: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

// Offsets in `struct seccomp_data` (linux/seccomp.h), little endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Bit that marks numbers of the x32 interface.
#[cfg(target_arch = "x86_64")]
const X32: Option<u32> = Some(0x4000_0000);
#[cfg(not(target_arch = "x86_64"))]
const X32: Option<u32> = None;

/// Longest program that the kernel takes (BPF_MAXINSNS).
const MAX_LENGTH: usize = 4096;

type Program = Vec<Instruction>;

pub(super) fn assemble(policy: &Policy) -> Result<Program, SeccompError> {
    let mut program = vec![
        plain(LOAD, ARCHITECTURE),
        Instruction { code: IF_EQUAL, jt: 1, jf: 0, k: AUDIT_ARCH },
        plain(RETURN, KILL_PROCESS),
        plain(LOAD, NUMBER),
    ];
    if let Some(bit) = X32 {
        program.push(Instruction { code: IF_GREATER_OR_EQUAL, jt: 0, jf: 1, k: bit });
        program.push(plain(RETURN, ENOSYS));
    }
    program.extend(tree(&policy.pieces())?);
    if program.len() > MAX_LENGTH { Err(too_long()) } else { Ok(program) }
}

/// Halves the pieces by their first numbers.
fn tree(pieces: &[(u32, Call)]) -> Result<Program, SeccompError> {
    match pieces {
        [] => Ok(vec![plain(RETURN, ENOSYS)]),
        [(_, call)] => leaf(call),
        _ => {
            let (left, right) = pieces.split_at(pieces.len() / 2);
            let first = right.first().map_or(0, |(first, _)| *first);
            let (left, right) = (tree(left)?, tree(right)?);
            let mut program = Vec::with_capacity(left.len() + right.len() + 2);
            match u8::try_from(left.len()) {
                Ok(skip) => {
                    program.push(Instruction { code: IF_GREATER_OR_EQUAL, jt: skip, jf: 0, k: first })
                }
                // Conditional jumps reach 255 instructions, unconditional ones everywhere.
                Err(_) => {
                    program.push(Instruction { code: IF_GREATER_OR_EQUAL, jt: 0, jf: 1, k: first });
                    program.push(plain(JUMP, u32::try_from(left.len()).map_err(|_| too_long())?));
                }
            }
            program.extend(left);
            program.extend(right);
            Ok(program)
        }
    }
}

fn leaf(call: &Call) -> Result<Program, SeccompError> {
    let mut program = Vec::new();
    for rule in &call.rules {
        program.extend(self::rule(rule)?);
    }
    program.push(plain(RETURN, call.otherwise));
    Ok(program)
}

/// Where a jump of a condition goes.
#[derive(Clone, Copy)]
enum To {
    Next,
    /// Behind this condition.
    Holds,
    /// Behind this rule.
    Fails,
}

struct Step {
    code: u16,
    k: u32,
    yes: To,
    no: To,
}

/// The conditions one after another, then the action; whatever fails goes on behind it.
fn rule(rule: &Rule) -> Result<Program, SeccompError> {
    let conditions: Vec<Vec<Step>> = rule.conditions.iter().map(condition).collect();
    let length = conditions.iter().map(Vec::len).sum::<usize>() + 1;
    let mut program = Program::with_capacity(length);
    for steps in conditions {
        let end = program.len() + steps.len();
        for step in steps {
            let here = program.len() + 1;
            let distance = |to| {
                let target = match to {
                    To::Next => here,
                    To::Holds => end,
                    To::Fails => length,
                };
                u8::try_from(target - here).map_err(|_| too_long())
            };
            program.push(Instruction {
                code: step.code,
                jt: distance(step.yes)?,
                jf: distance(step.no)?,
                k: step.k,
            });
        }
    }
    program.push(plain(RETURN, rule.action));
    Ok(program)
}

/// A comparison of 64 bits by halves; the upper half is left out where the mask leaves nothing of it.
fn condition(condition: &Condition) -> Vec<Step> {
    let Condition { argument, mask, test, value } = *condition;
    let (mask_high, mask_low) = halves(mask);
    let (high, low) = halves(value);
    let offset = ARGUMENTS + 8 * argument;
    let mut steps = Vec::new();
    if mask_high != 0 || high != 0 {
        load(&mut steps, offset + 4, mask_high);
        // Decided by the upper half, unless it is equal.
        match test {
            Test::Equal => steps.push(Step { code: IF_EQUAL, k: high, yes: To::Next, no: To::Fails }),
            Test::NotEqual => steps.push(Step { code: IF_EQUAL, k: high, yes: To::Next, no: To::Holds }),
            Test::Greater | Test::GreaterOrEqual => {
                steps.push(Step { code: IF_GREATER, k: high, yes: To::Holds, no: To::Next });
                steps.push(Step { code: IF_EQUAL, k: high, yes: To::Next, no: To::Fails });
            }
            Test::Less | Test::LessOrEqual => {
                steps.push(Step { code: IF_GREATER, k: high, yes: To::Fails, no: To::Next });
                steps.push(Step { code: IF_EQUAL, k: high, yes: To::Next, no: To::Holds });
            }
        }
    }
    load(&mut steps, offset, mask_low);
    let (code, yes, no) = match test {
        Test::Equal => (IF_EQUAL, To::Next, To::Fails),
        Test::NotEqual => (IF_EQUAL, To::Fails, To::Next),
        Test::Greater => (IF_GREATER, To::Next, To::Fails),
        Test::GreaterOrEqual => (IF_GREATER_OR_EQUAL, To::Next, To::Fails),
        Test::Less => (IF_GREATER_OR_EQUAL, To::Fails, To::Next),
        Test::LessOrEqual => (IF_GREATER, To::Fails, To::Next),
    };
    steps.push(Step { code, k: low, yes, no });
    steps
}

fn load(steps: &mut Vec<Step>, offset: u32, mask: u32) {
    steps.push(Step { code: LOAD, k: offset, yes: To::Next, no: To::Next });
    if mask != u32::MAX {
        steps.push(Step { code: AND, k: mask, yes: To::Next, no: To::Next });
    }
}

fn halves(value: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

fn plain(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

fn too_long() -> SeccompError {
    SeccompError::Unsupported("it is too long for the kernel".into())
}

/// What a program returns, by running it: the tests' kernel.
#[cfg(test)]
pub(super) fn run(program: &[Instruction], architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let load = |offset: u32| match offset {
        NUMBER => number,
        ARCHITECTURE => architecture,
        _ => {
            let (high, low) = halves(arguments[((offset - ARGUMENTS) / 8) as usize]);
            if (offset - ARGUMENTS) % 8 == 4 { high } else { low }
        }
    };
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    loop {
        let Instruction { code, jt, jf, k } = program[at];
        at += 1;
        let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            LOAD => accumulator = load(k),
            AND => accumulator &= k,
            JUMP => at += k as usize,
            IF_EQUAL => branch(accumulator == k),
            IF_GREATER => branch(accumulator > k),
            IF_GREATER_OR_EQUAL => branch(accumulator >= k),
            RETURN => return k,
            _ => panic!("unknown operation {code:#x}"),
        }
    }
}
