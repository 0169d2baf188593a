fn main() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let files = std::fs::read_dir(dir).unwrap().filter_map(|e| { let e=e.unwrap(); let n=e.file_name().into_string().unwrap(); n.ends_with(".json").then(|| (n, std::fs::read_to_string(e.path()).unwrap())) }).collect();
    let set = match syncspec::vectors::load(files) { Ok(s)=>s, Err(e)=>{ for e in e.iter().take(40) {println!("{e}");} panic!() } };
    let t=std::time::Instant::now(); let mut bad=0; let mut n=0;
    for test in set.tests() { n+=1; if let Err(m)=test.run() { bad+=1; if bad<60 { println!("{} {}", test.id(), test.comment()); for m in m.iter().take(3) { println!("     {}", &m.to_string().chars().take(300).collect::<String>()); } } } }
    println!("{n} tests, {bad} bad, {:?}", t.elapsed());
}
