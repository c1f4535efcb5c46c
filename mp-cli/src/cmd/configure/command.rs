//! The commands of the family, made from the table of settings.

use std::sync::LazyLock;

use mp_config::{SETTINGS, Setting};

/// One command of the family.
#[derive(Debug)]
pub(crate) struct Command {
    name: String,
    alias: Option<&'static str>,
    argument: &'static str,
    /// What it does, in a few words.
    pub(crate) about: &'static str,
    pub(super) verb: Verb,
}

/// What a command does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Set(&'static Setting),
    Clear(&'static Setting),
    Add(&'static Setting),
    Remove(&'static Setting),
    GenerateSecret,
    GenerateCert,
    Profile,
    DeleteProfile,
    ShowProfile,
    ShowConfig,
}

impl Command {
    /// What it is called by; `setX` is `X` as well `[CF-11]`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.alias)
    }

    /// Its name and arguments.
    pub(crate) fn usage(&self) -> String {
        format!("{} {}", self.name, self.argument).trim_end().to_owned()
    }

    /// How one calls it.
    pub(crate) fn full_usage(&self) -> String {
        let usage = self.usage();
        match self.verb {
            Verb::Profile => format!("aemp {usage} COMMAND …"),
            Verb::DeleteProfile | Verb::ShowProfile | Verb::ShowConfig => format!("aemp {usage}"),
            Verb::Set(setting) | Verb::Clear(setting) if setting.profile_only() => {
                format!("aemp profile NAME {usage}")
            }
            _ => format!("aemp [profile NAME] {usage}"),
        }
    }

    /// What is to be known about it.
    pub(crate) fn details(&self) -> &'static str {
        match self.verb {
            Verb::Profile => {
                "A profile that does not exist is made, unless what follows only shows or deletes something: then its\n\
                 name was a slip, and nothing is done."
            }
            Verb::DeleteProfile => "A profile that is the parent of another one stays.",
            Verb::ShowProfile => {
                "What it has from its parents and from the global settings, `aemp showconfig` shows. Behind `profile NAME` it\n\
                 needs no name."
            }
            Verb::ShowConfig => {
                "Without a name it is what holds for all, or behind `profile NAME` for that one. Settings behind the name are\n\
                 tried out, and not saved."
            }
            Verb::Set(setting) | Verb::Clear(setting) if setting.profile_only() => "It is for that profile.",
            Verb::Set(setting) if setting.key == "services" => {
                "With `profile NAME` before it, it is for that profile, else for all. A list is one word with commas, or\n\
                 JSON, in which [\"NAME\", ARGUMENTS …] is one service: '[[\"mp::log_catcher\",\"info\"],\"mp::echo\"]'.\n\
                 An empty word is an empty list, of which nothing runs; only where no list is set, mp::echo does."
            }
            Verb::Add(setting) | Verb::Remove(setting) if setting.key == "services" => {
                "With `profile NAME` before it, it is for that profile, else for all. One with arguments is JSON, as in\n\
                 '[\"mp::log_catcher\",\"info\"]'."
            }
            Verb::Set(setting) if setting.key == "nodeid" => {
                "With `profile NAME` before it, it is for that profile, else for all. It is the name of the node of `aemp run`, and\n\
                 of programs that use the profile. All other commands are nodes of another name, anon/…, unless the profile\n\
                 aemp itself sets one."
            }
            Verb::Set(setting) if setting.argument.ends_with(",…") => {
                "With `profile NAME` before it, it is for that profile, else for all. A list is one word with commas, or JSON,\n\
                 as in '[\"…\",\"…\"]'; an empty word is an empty list."
            }
            _ => "With `profile NAME` before it, it is for that profile, else for all.",
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The form of its argument, empty if it takes none.
    pub(super) fn argument(&self) -> &'static str {
        self.argument
    }
}

/// All commands of the family, in the order in which help shows them.
pub(crate) fn commands() -> &'static [Command] {
    static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| {
        let mut all = vec![
            special("gensecret", "", "make a new random secret", Verb::GenerateSecret),
            special("gencert", "", "make a new certificate with its key, for TLS", Verb::GenerateCert),
            special("profile", "NAME", "what follows is for this profile alone", Verb::Profile),
        ];
        all.extend(SETTINGS.iter().flat_map(of_setting));
        all.extend([
            special("delprofile", "NAME", "remove a profile", Verb::DeleteProfile),
            special("showprofile", "NAME", "show what a profile sets itself", Verb::ShowProfile),
            special(
                "showconfig",
                "[NAME [KEY VALUE …]]",
                "show what holds for a profile, and why (--show-secrets)",
                Verb::ShowConfig,
            ),
        ]);
        all
    });
    &COMMANDS
}

fn special(name: &str, argument: &'static str, about: &'static str, verb: Verb) -> Command {
    Command { name: name.to_owned(), alias: None, argument, about, verb }
}

fn of_setting(setting: &'static Setting) -> Vec<Command> {
    let clear = Command {
        name: format!("del{}", setting.key),
        alias: None,
        argument: "",
        about: "unset it",
        verb: Verb::Clear(setting),
    };
    let set = Command {
        name: format!("set{}", setting.key),
        alias: Some(setting.key),
        argument: setting.argument,
        about: setting.about,
        verb: Verb::Set(setting),
    };
    let item = |prefix: &str, about, verb| {
        let argument = setting.argument.trim_end_matches(",…");
        setting.item.map(|item| Command {
            name: format!("{prefix}{item}"),
            alias: None,
            argument,
            about,
            verb,
        })
    };
    let add = item("add", "add one to the list", Verb::Add(setting));
    let remove = item("del", "take one off the list", Verb::Remove(setting));
    [Some(set), add, remove, Some(clear)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// [CF-11]
    #[test]
    fn the_commands_of_the_original_are_there_each_once() {
        let names: Vec<_> = commands().iter().flat_map(Command::names).collect();
        let unique: BTreeSet<_> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len());
        let original = "gensecret setsecret secret delsecret gencert setcert cert delcert setnodeid nodeid delnodeid setseeds seeds addseed delseed \
             delseeds setbinds binds addbind delbind delbinds setservices services addservice delservice \
             delservices profile setparent parent delparent delprofile showprofile showconfig";
        for name in original.split_whitespace() {
            assert!(unique.contains(name), "{name}");
        }
    }
}
