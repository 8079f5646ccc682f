//! The structure of a crate as its source tells it: which file imports from which, and which calls the methods of which,
//! so that a test can hold the order of its rooms and count its circles.
//!
//! An import leads to the file that defines the name, however often it is exported again on the way. A call of
//! `self.name()`, `hub.name()` or `Type::name()` leads to the file that defines the method: those of a type may stand in
//! several files.
//! Unit tests are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{
    Attribute, Expr, ExprField, ExprMethodCall, ExprPath, ImplItem, ImplItemFn, Item, ItemEnum,
    ItemImpl, ItemMod, ItemStruct, ItemType, Member, Type, TypePath, UseTree,
    visit::{self, Visit},
};

/// One file: its path below the crate's `src`, such as `hub/log/submit.rs`.
pub type File = String;

/// A crate's files and what leads from one to another.
#[derive(Debug, Default)]
pub struct Structure {
    /// Imports, and paths that are written out: from which file to which.
    pub imports: BTreeMap<File, BTreeSet<File>>,
    /// Calls of methods that stand in another file: from which file to which, and the methods' names.
    pub calls: BTreeMap<(File, File), BTreeSet<String>>,
    /// The methods of each type, and the files they stand in.
    pub methods: BTreeMap<String, BTreeMap<String, File>>,
    /// The fields that each method uses of its own value, the methods that it calls of it, with `()` behind their names, and
    /// the types that it names; by type and method.
    pub uses: BTreeMap<(String, String), BTreeSet<String>>,
    /// The file that each type is defined in.
    pub types: BTreeMap<String, File>,
    /// The number of fields of each struct.
    pub n_fields: BTreeMap<String, usize>,
    /// The number of parameters of that name and type that functions have.
    pub n_parameters: BTreeMap<String, usize>,
}

/// The items that are read of one file before anything is looked up.
#[derive(Default)]
struct Read {
    module: Vec<String>,
    defined: BTreeSet<String>,
    /// Names that are exported again, and where they come from; a star under its own name.
    exported: Vec<(String, Vec<String>)>,
    /// Names that are imported for the file itself.
    imported: Vec<(String, Vec<String>)>,
    /// Paths that are written out.
    paths: BTreeSet<Vec<String>>,
    /// Calls of `self.name()`, `hub.name()`, `Self::name()` and `Type::name()`, by the type whose method it is.
    calls: BTreeSet<(String, String)>,
}

impl Structure {
    /// Reads all files below `source`.
    ///
    /// # Panics
    /// If a file cannot be read or is no Rust.
    #[must_use]
    pub fn of(source: &Path) -> Self {
        let mut structure = Self::default();
        let mut files: BTreeMap<File, Read> = BTreeMap::new();
        let mut folders = vec![source.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the folder is there").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let below = path.strip_prefix(source).expect("it is below");
                    let name = below.display().to_string();
                    let text = fs::read_to_string(&path).expect("the file is text");
                    let parsed = syn::parse_file(&text);
                    let parsed = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
                    let mut reader = Reader::new(&name, &mut structure);
                    reader.items(&parsed.items);
                    let read = reader.read;
                    files.insert(name, read);
                }
            }
        }
        structure.link(&files);
        structure
    }

    /// Finds where names lead.
    fn link(&mut self, files: &BTreeMap<File, Read>) {
        let by_module: BTreeMap<&[String], &File> =
            files.iter().map(|(file, read)| (&read.module[..], file)).collect();
        for (file, read) in files {
            let mut leads_to = BTreeSet::new();
            let imports = read.imported.iter().map(|(_, path)| path);
            for path in imports.chain(&read.paths) {
                let path = absolute(path, &read.module, &read.imported);
                leads_to.extend(find(&path, files, &by_module, 0));
            }
            leads_to.remove(file);
            self.imports.insert(file.clone(), leads_to);
            for (owner, name) in &read.calls {
                let Some(to) = self.methods.get(owner).and_then(|own| own.get(name)) else {
                    continue;
                };
                if to != file {
                    let call = (file.clone(), to.clone());
                    self.calls.entry(call).or_default().insert(name.clone());
                }
            }
        }
    }

    /// Imports and calls together.
    #[must_use]
    pub fn edges(&self) -> BTreeMap<File, BTreeSet<File>> {
        let mut edges = self.imports.clone();
        for (from, to) in self.calls.keys() {
            edges.entry(from.clone()).or_default().insert(to.clone());
        }
        edges
    }
}

/// Circles of two files or more among `edges`, the largest first.
#[must_use]
pub fn circles(edges: &BTreeMap<File, BTreeSet<File>>) -> Vec<Vec<File>> {
    let reach = |from: &File| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            for to in edges.get(file).into_iter().flatten() {
                if seen.insert(to) {
                    next.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&File, BTreeSet<&File>> =
        edges.keys().map(|file| (file, reach(file))).collect();
    let mut circles: BTreeSet<Vec<File>> = BTreeSet::new();
    for (file, own) in &reached {
        let is_mutual =
            |other: &&&File| reached.get(**other).is_some_and(|theirs| theirs.contains(*file));
        let circle: Vec<File> = own.iter().filter(is_mutual).map(|own| (*own).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let mut circles: Vec<_> = circles.into_iter().collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// A path from the crate's root: `crate`, `self` and `super` are followed, and so is a first name that was imported.
fn absolute(path: &[String], module: &[String], imported: &[(String, Vec<String>)]) -> Vec<String> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let joined = |start: &[String]| [start, rest].concat();
    match &**first {
        "crate" => rest.to_vec(),
        "self" => joined(module),
        "super" => {
            let above = &module[..module.len().saturating_sub(1)];
            absolute(&[&["self".to_owned()][..], rest].concat(), above, &[])
        }
        first => match imported.iter().find(|(name, path)| name == first && path.len() > 1) {
            Some((_, start)) => absolute(&[&start[..], rest].concat(), module, &[]),
            None => [module, path].concat(),
        },
    }
}

/// The file that defines what an absolute path names.
fn find(
    path: &[String],
    files: &BTreeMap<File, Read>,
    by_module: &BTreeMap<&[String], &File>,
    depth: usize,
) -> Option<File> {
    // The longest beginning that is a module.
    let length = (0..=path.len()).rev().find(|length| by_module.contains_key(&path[..*length]))?;
    let file = by_module[&path[..length]];
    let read = &files[file];
    let Some(name) = path.get(length) else {
        return (length > 0).then(|| file.clone());
    };
    if read.defined.contains(name) {
        return Some(file.clone());
    }
    let all = read.exported.iter().chain(&read.imported);
    let mut further = all.filter(|(own, _)| own == name || own == "*");
    if depth > 8 {
        return None;
    }
    further.find_map(|(own, from)| {
        let mut from = absolute(from, &read.module, &[]);
        if own == "*" {
            from.push(name.clone());
        }
        from.extend_from_slice(&path[length + 1..]);
        find(&from, files, by_module, depth + 1)
    })
}

struct Reader<'a> {
    read: Read,
    file: File,
    structure: &'a mut Structure,
    /// The type whose methods are being read.
    owner: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(file: &str, structure: &'a mut Structure) -> Self {
        let mut module: Vec<String> =
            file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| matches!(&**last, "mod" | "lib" | "main")) {
            module.pop();
        }
        let read = Read { module, ..Read::default() };
        Self { read, file: file.to_owned(), structure, owner: None }
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            if is_test(attributes(item)) {
                continue;
            }
            if let Some(name) = name_of(item) {
                self.read.defined.insert(name);
            }
            if let Item::Enum(ItemEnum { ident, .. })
            | Item::Struct(ItemStruct { ident, .. })
            | Item::Type(ItemType { ident, .. }) = item
            {
                self.structure.types.insert(ident.to_string(), self.file.clone());
            }
            match item {
                Item::Use(item) => {
                    let is_export = !matches!(item.vis, syn::Visibility::Inherited);
                    let mut names = Vec::new();
                    flatten(&item.tree, &mut Vec::new(), &mut names);
                    let to =
                        if is_export { &mut self.read.exported } else { &mut self.read.imported };
                    to.extend(names);
                }
                Item::Struct(item) => {
                    let name = item.ident.to_string();
                    self.structure.n_fields.insert(name, item.fields.len());
                    visit::visit_item_struct(self, item);
                }
                item => self.visit_item(item),
            }
        }
    }

    fn note_path(&mut self, path: &syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|own| own.ident.to_string()).collect();
        if words.len() > 1 && words[0] != "Self" {
            self.read.paths.insert(words);
        }
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        if !is_test(&item.attrs)
            && let Some((_, items)) = &item.content
        {
            self.items(items);
        }
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        let owner = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|own| own.ident.to_string()),
            _ => None,
        };
        if let Some(owner) = owner.clone().filter(|_| item.trait_.is_none()) {
            let methods = self.structure.methods.entry(owner).or_default();
            for member in &item.items {
                if let ImplItem::Fn(method) = member {
                    methods.insert(method.sig.ident.to_string(), self.file.clone());
                }
            }
        }
        let before = std::mem::replace(&mut self.owner, owner);
        visit::visit_item_impl(self, item);
        self.owner = before;
    }

    fn visit_impl_item_fn(&mut self, method: &'a ImplItemFn) {
        let mut own = OwnUses::default();
        own.visit_impl_item_fn(method);
        if let Some(owner) = self.owner.clone().filter(|_| method.sig.receiver().is_some()) {
            self.structure.uses.insert((owner, method.sig.ident.to_string()), own.names);
        }
        visit::visit_impl_item_fn(self, method);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if let Expr::Path(path) = &*call.receiver {
            // A hub that is handed about is called so everywhere.
            let owner =
                if path.path.is_ident("hub") { Some("Hub".into()) } else { self.owner.clone() };
            if let Some(owner) =
                owner.filter(|_| path.path.is_ident("self") || path.path.is_ident("hub"))
            {
                self.read.calls.insert((owner, call.method.to_string()));
            }
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'a ExprPath) {
        let words: Vec<String> =
            path.path.segments.iter().map(|own| own.ident.to_string()).collect();
        if let [own, name] = &words[..] {
            let owner = if own == "Self" { self.owner.clone() } else { Some(own.clone()) };
            self.read.calls.extend(owner.map(|owner| (owner, name.clone())));
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.note_path(path);
        visit::visit_path(self, path);
    }

    fn visit_pat_type(&mut self, pattern: &'a syn::PatType) {
        if let syn::Pat::Ident(name) = &*pattern.pat {
            *self.structure.n_parameters.entry(name.ident.to_string()).or_default() += 1;
        }
        visit::visit_pat_type(self, pattern);
    }
}

/// The things of `self` that a method uses.
#[derive(Default)]
struct OwnUses {
    names: BTreeSet<String>,
}

impl<'a> Visit<'a> for OwnUses {
    fn visit_type_path(&mut self, path: &'a TypePath) {
        let name = path.path.segments.last().map(|own| own.ident.to_string());
        // A number or a truth value is of no room.
        self.names.extend(name.filter(|name| name.starts_with(char::is_uppercase)));
        visit::visit_type_path(self, path);
    }

    fn visit_expr_field(&mut self, field: &'a ExprField) {
        if let (Expr::Path(path), Member::Named(name)) = (&*field.base, &field.member)
            && path.path.is_ident("self")
        {
            self.names.insert(name.to_string());
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if let Expr::Path(path) = &*call.receiver
            && path.path.is_ident("self")
        {
            self.names.insert(format!("{}()", call.method));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, own: &'a syn::Macro) {
        // What is inside is not read as an expression: a field that is used there is found by its words.
        let words = own.tokens.to_string();
        for part in words.split("self . ").skip(1) {
            let name = part.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            self.names.extend(name.take(1).map(str::to_owned));
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|own| own.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The names that a `use` brings, and their paths.
fn flatten(tree: &UseTree, path: &mut Vec<String>, names: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(own) => {
            path.push(own.ident.to_string());
            flatten(&own.tree, path, names);
            path.pop();
        }
        UseTree::Name(own) => {
            let name = own.ident.to_string();
            if name == "self" {
                names.push((path.last().cloned().unwrap_or_default(), path.clone()));
            } else {
                names.push((name.clone(), [&path[..], &[name]].concat()));
            }
        }
        UseTree::Rename(own) => {
            names.push((own.rename.to_string(), [&path[..], &[own.ident.to_string()]].concat()));
        }
        UseTree::Glob(_) => names.push(("*".to_owned(), path.clone())),
        UseTree::Group(own) => own.items.iter().for_each(|tree| flatten(tree, path, names)),
    }
}
